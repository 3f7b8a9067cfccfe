"""Results for people and other programs: files of a forecast, and the links under which they are fetched."""
