# The two callbacks come in any order.
1{
N
s/^(mycallback is called with \[0 1\])\n(mycallback is called with \[0\])$/\2\n\1/
}
