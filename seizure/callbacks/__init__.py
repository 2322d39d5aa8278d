"""What a run says and keeps while it trains."""
