"""What is wrong between the hops of a request, and what to do about it."""
