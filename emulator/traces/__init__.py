"""Traces of X-Ray and OpenTelemetry: received where the deployed collector would be, decoded, kept, joined."""
