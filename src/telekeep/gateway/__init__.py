"""Where borrowers connect: an MTProto server on loopback that lends one session to any number of programs.

``owner``       the session: its life           ``server``      one address of it
``borrowers``   the programs on its loans       ``borrower``    one of them: what it hears, and how far it has heard
``crowd``       their limits                    ``desk``        where their requests arrive
``asked``       a request, parsed whole         ``methods``     what each TL method is
``grants``      what a loan may do              ``peers``       access hashes, put right
``answers``     what is answered here           ``forwarding``  the way to Telegram and back
``turns``       whose request goes next         ``floods``      what Telegram has said about waiting
``repeat``      what may be sent twice          ``once``        what must not be carried out twice
``call``        one request on its way          ``verdict``     how a session that is over is told
``news``        what happens, on its way to them
``entries``     updates, ready to be sent       ``together``    many of them told as one
``journal``     their ordered record            ``stretch``     one line of it
``in_part``     who is known by name only       ``noted``       what is learnt from answers to others
``beyond``      what the journal does not reach, told like all else
``interpreter`` a borrower of another layer     ``layers/``     translation between releases
``echo``        what others see of a call       ``redact``      what nobody may see
``loans``       the loan                        ``lending``     making and ending them
``register``    which keys are known            ``succession``  another client takes over
``farewell``    what is left of the gateway of a session that is owned no more
``endpoint``    where it listens                ``listening``   those addresses, open
``shelf``       what the vault keeps of all this
``config``      what borrowers hear of DCs      ``peer_process``  who is at the other end
``control``     the daemon's control socket
"""
