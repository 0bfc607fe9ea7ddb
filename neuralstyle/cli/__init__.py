"""The command line.

It may touch all wings, but imports TensorFlow only when a picture is about to be painted.
"""
