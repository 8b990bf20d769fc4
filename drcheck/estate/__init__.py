"""What an organisation declares: schema and loading of the estate."""
