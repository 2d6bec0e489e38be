# The two callbacks come in any order.
s/^(mycallback is called with) \[0( 1)?\]$/\1 [...]/
