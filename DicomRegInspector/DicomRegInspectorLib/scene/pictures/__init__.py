"""Pictures drawn from a scene without its windows."""
