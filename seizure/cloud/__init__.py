"""Long jobs on rented machines: asked for, planned, priced, fanned out, continued."""
