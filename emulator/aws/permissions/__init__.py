"""Which calls services made to the endpoint, and whether their roles would allow them on AWS."""
