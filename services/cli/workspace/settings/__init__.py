"""`wici.yaml`: the shop, its sources and providers, its policies."""
