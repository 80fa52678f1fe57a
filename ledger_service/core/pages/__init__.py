"""A case in the words of people, in English and Simplified Chinese: the same on a terminal, in a file, in a package."""
