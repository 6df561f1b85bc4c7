"""What Prometheus scrapes: the collector's own health, and the fleet in families of its own or in those of DCGM."""
