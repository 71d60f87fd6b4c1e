"""What every role shares: the generated loop, its two threads, pinning, wiring, the fabric step and the supervisor."""
