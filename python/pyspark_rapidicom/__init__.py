"""What Spark looks for: it imports every module named ``pyspark_*`` and registers the ``DefaultSource`` in it.

So ``spark.read.format("rapidicom")`` needs no call that registers it. Nothing is imported before Spark asks.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rapidicom.spark import DefaultSource as DefaultSource

__all__ = ["DefaultSource"]


if not TYPE_CHECKING:

    def __getattr__(name):
        """The data source, imported when it is first asked for.

        Where that fails there is none: Spark asks so for every source that it looks up, those of others too.
        """
        if name != "DefaultSource":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from rapidicom.spark import DefaultSource
        except ImportError as error:
            raise AttributeError(f"{error}") from error
        return DefaultSource
