"""The Data page: what can be fetched, the datasets that are here, folders of one's own, subsets."""
