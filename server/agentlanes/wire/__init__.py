"""The protocol as Python sees it. Written by protocol/generate.py; do not edit."""
