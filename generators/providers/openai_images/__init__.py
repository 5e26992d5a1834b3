"""The OpenAI images protocol: OpenAI itself, and other servers that speak it too."""
