"""An hour at full load: does anything grow?"""
