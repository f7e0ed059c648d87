"""The Launch page: the form of a grid, its address, and the plan that it makes."""
