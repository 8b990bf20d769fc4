"""The steps, in order of their numbers. A step imports nothing of drcheck: it must do tomorrow what it does today."""
