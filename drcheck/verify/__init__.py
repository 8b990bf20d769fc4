"""Reading bytes and comparing them with what was promised."""
