"""What `make dist` makes: archives that anybody can build again byte for byte, what they consist of, and whether any of it is known to be weak."""
