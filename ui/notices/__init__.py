"""What stands above every page: who holds the home, a damaged database, who can see the app."""
