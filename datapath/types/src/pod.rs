//! Plain data: what may be copied to and from the kernel byte by byte.

/// # Safety
/// Any bit pattern is a valid value, and there is no padding that nobody writes.
pub unsafe trait Pod: Copy + 'static {}

// SAFETY: integers have no padding, and every bit pattern is one.
unsafe impl Pod for u8 {}
// SAFETY: as above.
unsafe impl Pod for u16 {}
// SAFETY: as above.
unsafe impl Pod for u32 {}
// SAFETY: as above.
unsafe impl Pod for u64 {}
// SAFETY: an array adds no padding to that of its elements.
unsafe impl<T: Pod, const N: usize> Pod for [T; N] {}

/// The bytes of a value as they lie in memory; the caller's array must have its size.
pub fn bytes_of<T: Pod, const N: usize>(value: &T) -> [u8; N] {
    const { assert!(size_of::<T>() == N, "the array must have the size of the value") };
    // SAFETY: both have N bytes, `T` has no padding, and any byte is a valid u8.
    unsafe { *core::ptr::from_ref(value).cast() }
}

/// The value with which these bytes begin.
pub fn read<T: Pod>(bytes: &[u8]) -> Option<T> {
    // SAFETY: there are as many bytes as the value has, and any bytes are one; alignment is not asked for.
    (bytes.len() >= size_of::<T>()).then(|| unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// Puts a value where these bytes begin.
pub fn write<T: Pod>(bytes: &mut [u8], value: &T) -> Option<()> {
    // SAFETY: there is room for as many bytes as the value has; alignment is not asked for.
    (bytes.len() >= size_of::<T>()).then(|| unsafe { bytes.as_mut_ptr().cast::<T>().write_unaligned(*value) })
}

/// Declares a structure of the wire or of a map, and asserts while compiling that it has the size and alignment that
/// are written down, and no padding of the compiler's.
macro_rules! pod {
    ($($(#[$meta:meta])* struct $name:ident: size $size:literal align $align:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty),+ $(,)?
    })+) => { $(
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type),+ }

        // SAFETY: all fields are plain data, and the assertions below leave no room for padding.
        unsafe impl $crate::Pod for $name {}

        const _: () = {
            $(crate::pod::assert_pod::<$type>();)+
            assert!(size_of::<$name>() == $size && align_of::<$name>() == $align);
            assert!(0 $(+ size_of::<$type>())+ == $size, "implicit padding");
        };
    )+ };
}
pub(crate) use pod;

pub(crate) const fn assert_pod<T: Pod>() {}
