"""What an attacker controls, held against the real thing: a test for every line of the threat model in SECURITY.md."""
