"""Credits for money, by Stripe. Off, and nowhere mentioned, until a key is set."""
