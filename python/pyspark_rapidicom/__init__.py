"""What Spark looks for: it imports every module named ``pyspark_*`` and registers the ``DefaultSource`` in it.

So ``spark.read.format("rapidicom")`` needs no call that registers it. Nothing is imported before Spark asks.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rapidicom.spark import DefaultSource as DefaultSource

__all__ = ["DefaultSource"]


if not TYPE_CHECKING:

    def __getattr__(name):
        """The data source, imported when it is first asked for."""
        if name != "DefaultSource":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from rapidicom.spark import DefaultSource

        return DefaultSource
