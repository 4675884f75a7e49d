"""The types of keywords' values stand in the stub; at run time the dictionary of the extension answers."""
