"""Every operation of the official SDK that a workspace answers, called over HTTP and over TLS."""
