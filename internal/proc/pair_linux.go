package proc

import "syscall"

const sockCloexec = syscall.SOCK_CLOEXEC
