"""Train Spark, the tiny text-to-image model that ships with Magicshot."""
