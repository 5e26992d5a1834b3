"""Credits as people read them."""


def credit_words(credits: int) -> str:
    """Return an amount: ``0 credits``, ``1 credit``, ``8 credits``."""
    return f"{credits} credit{'s' * (credits != 1)}"


def price_words(credits: int) -> str:
    """Return a price: ``free``, ``1 credit``, ``8 credits``."""
    return credit_words(credits) if credits else "free"
