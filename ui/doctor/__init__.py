"""The Doctor page: what is wrong with this machine, this installation or this home, and what to do."""
