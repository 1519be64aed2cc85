module ichor.test/talos114

go 1.26.0

require github.com/siderolabs/talos/pkg/machinery v1.14.0-rc.1
