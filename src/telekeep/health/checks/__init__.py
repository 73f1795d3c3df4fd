"""The checks: one file each, with the facts it needs and one function, ``judge``, from those to findings. All pure."""
