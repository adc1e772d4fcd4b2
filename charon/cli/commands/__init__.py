"""The commands of ``charon``, one a file: ``add_arguments(parser)`` and ``main(options)``."""
