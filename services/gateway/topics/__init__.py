"""`storefront: kafka`: a topic of the shop's own as a source (docs/connect/kafka.md)."""
