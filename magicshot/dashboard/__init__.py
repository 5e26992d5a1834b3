"""The admin's first page: what the site draws, takes and costs, and what needs a hand."""
