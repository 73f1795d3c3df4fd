"""What ships for tests: contracts every lease, store and format passes, fakes, and a pytest plugin."""
