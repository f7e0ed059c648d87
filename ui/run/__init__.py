"""The Run page: where one run stands, what its scores come to, where they come from."""
