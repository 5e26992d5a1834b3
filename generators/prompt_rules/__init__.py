"""What may not be asked for: words as people disguise them, and the rules that look."""
