"""Which stretches of which recordings are learnt from or scored, and the batches made of them."""
