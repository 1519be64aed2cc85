// talos114 FILE...: load machine configurations with the library of Talos 1.14, and validate them strictly for a
// machine that boots from its own disk. It stands in for that version's talosctl, which needs modules that not every
// proxy serves.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/siderolabs/talos/pkg/machinery/config/configloader"
	"github.com/siderolabs/talos/pkg/machinery/config/validation"
)

// metal tells the library what kind of machine the file is meant for.
type metal struct{}

func (metal) String() string        { return "metal" }
func (metal) RequiresInstall() bool { return true }
func (metal) InContainer() bool     { return false }

func validate(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	config, err := configloader.NewFromBytes(data)
	if err != nil {
		return err
	}
	// Local leaves out the checks of hardware, which is not here. Strict makes warnings errors.
	warnings, err := config.Validate(metal{}, validation.WithLocal(), validation.WithStrict())
	for _, warning := range warnings {
		err = errors.Join(err, errors.New(warning))
	}
	return err
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: talos114 FILE...")
		os.Exit(2)
	}
	refused := false
	for _, path := range os.Args[1:] {
		if err := validate(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			refused = true
		}
	}
	if refused {
		os.Exit(1)
	}
}
