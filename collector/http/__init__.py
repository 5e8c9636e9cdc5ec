"""HTTP as the house speaks it: uvicorn's own protocol with limits, and the fast lane for events in it."""
