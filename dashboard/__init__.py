"""Show counts."""
