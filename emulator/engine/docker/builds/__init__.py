"""What a build needs beside the builder."""
