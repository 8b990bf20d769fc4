"""What pages are made of: templates of Jinja, styles, and the script of the page."""
