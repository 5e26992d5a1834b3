"""What the site costs beside bare scripts of the same work, measured in one run."""
