"""National guidance as data: one TOML file a version of one document, cited and never edited in place."""
