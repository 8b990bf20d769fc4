"""What drcheck promises, tried out."""
