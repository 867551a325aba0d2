"""The processes that hear the clips: a pool of them (``pool``), the process itself (``child``), and what they say to
each other (``frames``).

Models crash, hang and keep memory, so they never run in the process that talks to Kafka. The pool is written here
because a killed idle process must cost nothing, a killed busy one exactly one clip, and what comes back must be
checked bytes: pickles of a process that decodes hostile audio would give it this process, and with it all credentials.
"""
